// The package's named exports are missing under ESM; its default is the whole library.
import native from 'tokenizers'
import type { TokenizerJson } from '../tokenizer-json.ts'

/** The reference library over the same tokenizer.json. */
export const referenceFor = (json: TokenizerJson) => {
  const tokenizer = native.Tokenizer.fromString(JSON.stringify(json))
  return {
    encode: async (text: string, addSpecialTokens = false): Promise<number[]> =>
      (await tokenizer.encode(text, null, { addSpecialTokens })).getIds(),
    decode: (ids: ArrayLike<number>, skipSpecial = true): Promise<string> =>
      tokenizer.decode(Array.from(ids), skipSpecial),
  }
}
