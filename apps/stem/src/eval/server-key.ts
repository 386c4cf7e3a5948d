/** Where the key of a server is looked for. */
export const KEY_VARIABLE = 'STEM_SERVER_KEY'

/**
 * The key for a server: the one that is set for it, else that of OpenAI, for OpenAI alone and where nobody can read it on
 * the way.
 */
export function serverKey(url: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const own = env[KEY_VARIABLE]
  if (own !== undefined && own !== '') return own
  const { protocol, hostname } = URL.parse(url) ?? { protocol: '', hostname: '' }
  const isOpenAi = hostname === 'openai.com' || hostname.endsWith('.openai.com')
  return protocol === 'https:' && isOpenAi ? env['OPENAI_API_KEY'] : undefined
}
