import { parse, type DefaultTreeAdapterTypes, type ParserError } from 'parse5'

type Node = DefaultTreeAdapterTypes.Node
export type Element = DefaultTreeAdapterTypes.Element

export interface ParsedPage {
  readonly errors: readonly string[]
  /** In the order of the document. */
  readonly elements: readonly Element[]
}

/** A page as a browser reads it. */
export function parsePage(page: string): ParsedPage {
  const errors: string[] = []
  const onParseError = ({ code, startLine, startCol }: ParserError): number =>
    errors.push(`${code} at ${startLine}:${startCol}`)
  const elements: Element[] = []
  const visit = (node: Node): void => {
    if ('tagName' in node) elements.push(node)
    if ('childNodes' in node) node.childNodes.forEach(visit)
  }
  visit(parse(page, { onParseError, sourceCodeLocationInfo: true }))
  return { errors, elements }
}

export const attribute = ({ attrs }: Element, name: string): string | undefined =>
  attrs.find((each) => each.name === name)?.value

/** The text within an element. */
export function textOf(node: Node): string {
  if ('value' in node) return node.value
  return 'childNodes' in node ? node.childNodes.map(textOf).join('') : ''
}
