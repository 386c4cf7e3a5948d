/** `{ limit: 3 }` as a command line has it: `--limit 3`. */
export const flagsOf = (values: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])
