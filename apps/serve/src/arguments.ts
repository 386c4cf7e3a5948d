/** Options of `stem serve` by the variable that holds their value; `STEM_API_KEYS` and `STEM_ADMIN_KEYS` it reads itself. */
const OPTIONS: Readonly<Record<string, string>> = {
  STEM_NAME: '--name',
  STEM_HOST: '--host',
  PORT: '--port',
  STEM_STORE: '--store',
  STEM_BUDGET: '--budget',
  STEM_SLOTS: '--slots',
  STEM_CONTEXT: '--context',
  STEM_THREADS: '--threads',
  STEM_KV_CACHE: '--kv-cache',
  STEM_CHAT_TEMPLATE: '--chat-template',
  STEM_API_KEY_FILE: '--api-key-file',
  STEM_ADMIN_KEY_FILE: '--admin-key-file',
  STEM_MAX_TEXTS: '--max-texts',
  STEM_MAX_BODY: '--max-body',
  STEM_TIMEOUT: '--timeout',
  STEM_DRAIN: '--drain',
}

/** Options that take several values, with commas between. */
const LISTS: Readonly<Record<string, string>> = { STEM_CORS: '--cors', STEM_PLUGINS: '--plugin' }

type Environment = Readonly<Record<string, string | undefined>>

/** The command line that an environment stands for: JSON lines, and every network, unless told otherwise. */
export function argumentsOf(environment: Environment): string[] {
  const given = (name: string): string | undefined => environment[name] || undefined
  const model = given('STEM_MODEL')
  const all: Environment = { STEM_HOST: '0.0.0.0', ...environment }
  return [
    'serve',
    ...(model === undefined ? [] : [model]),
    '--json',
    ...Object.entries(OPTIONS).flatMap(([name, option]) => (all[name] ? [`${option}=${all[name]}`] : [])),
    ...Object.entries(LISTS).flatMap(([name, option]) =>
      (given(name)?.split(',') ?? []).map((value) => `${option}=${value.trim()}`),
    ),
  ]
}
