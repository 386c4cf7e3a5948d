/** One text of a source. */
export interface Document {
  readonly text: string
  /** Where it comes from, for messages: a file, with a line or a number where the file holds several. */
  readonly name: string
}
