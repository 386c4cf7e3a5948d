import { readFileSync } from 'node:fs'
import ts from 'typescript'

/** One module that a source file asks for. */
export interface Import {
  /** As written: `./x.ts`, `node:fs`, `@stemkit/spec/errors`. */
  specifier: string
  /** Whether only types are taken, so that nothing of it is left when the code runs. */
  typeOnly: boolean
  line: number
}

/** What a source file imports: statements, re-exports, `import()`, import types, `require`, and workers by URL. */
export function readImports(path: string): Import[] {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const target = importTarget(node)
    if (target) {
      const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1
      found.push({ specifier: target.text, typeOnly: isTypeOnly(node), line })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function importTarget(node: ts.Node): ts.StringLiteralLike | undefined {
  const literal = (value: ts.Node | undefined) => (value && ts.isStringLiteralLike(value) ? value : undefined)
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literal(node.moduleSpecifier)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return literal(node.argument.literal)
  if (ts.isCallExpression(node) && isImportCall(node.expression)) return literal(node.arguments[0])
  if (ts.isNewExpression(node) && isModuleUrl(node)) return literal(node.arguments?.[0])
  return undefined
}

/** `import(x)`, `import.meta.resolve(x)`, `require(x)`, `require.resolve(x)`. */
function isImportCall(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword ||
    ['require', 'require.resolve', 'import.meta.resolve'].includes(callee.getText())
  )
}

/** `new URL('./worker.ts', import.meta.url)`. */
function isModuleUrl(node: ts.NewExpression): boolean {
  const [target, base] = node.arguments ?? []
  return (
    node.expression.getText() === 'URL' &&
    base?.getText() === 'import.meta.url' &&
    target !== undefined &&
    ts.isStringLiteralLike(target) &&
    target.text.endsWith('.ts')
  )
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true
  if (ts.isExportDeclaration(node)) return node.isTypeOnly
  return ts.isImportDeclaration(node) && node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
}
