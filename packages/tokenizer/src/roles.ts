import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { TokenizerJson } from './tokenizer-json.ts'

type Role = keyof Tokenizer['special']

/** Names that well-known tokenizers give to a role, the likeliest first. */
const USUAL: Record<Role, readonly string[]> = {
  bos: ['<s>', '<|begin_of_text|>', '<bos>', '<|endoftext|>'],
  eos: ['</s>', '<|end_of_text|>', '<eos>', '<|endoftext|>'],
  pad: ['<pad>', '<|pad|>', '[PAD]'],
  unk: ['<unk>', '[UNK]'],
}

/** In tokenizer_config.json and special_tokens_map.json a token is its text, or an object holding it. */
const named = (config: unknown, role: Role): string | undefined => {
  const value = (config as Record<string, unknown> | null | undefined)?.[`${role}_token`]
  if (typeof value === 'string') return value
  const content = (value as { content?: unknown } | null | undefined)?.content
  return typeof content === 'string' ? content : undefined
}

/** Ids of the tokens with a role: as `config` names them, else by the usual names among the special tokens. */
export const rolesOf = (
  json: TokenizerJson,
  config: unknown,
  tokenToId: (token: string) => number | undefined,
): Tokenizer['special'] => {
  const added = new Set(json.added_tokens.map((token) => token.content))
  const special: Partial<Record<Role, number>> = {}
  for (const role of Object.keys(USUAL) as Role[]) {
    const token = named(config, role) ?? USUAL[role].find((name) => added.has(name))
    const id = token === undefined ? undefined : tokenToId(token)
    if (id !== undefined) special[role] = id
  }
  return special
}
