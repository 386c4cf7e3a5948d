/** Version of this contract. */
export const TOKENIZER_VERSION = 1

/** Text to token ids and back. */
export interface Tokenizer {
  readonly vocabSize: number
  /** Ids of tokens with a role, where the tokenizer has them. */
  readonly special: { readonly bos?: number; readonly eos?: number; readonly pad?: number; readonly unk?: number }
  /** With `addSpecial`, the tokenizer's own template (a BOS, say) is applied. Default: false. */
  encode(text: string, options?: { readonly addSpecial?: boolean }): Uint32Array
  /** Default `skipSpecial`: true. */
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecial?: boolean }): string
  tokenToId(token: string): number | undefined
  idToToken(id: number): string | undefined
}
