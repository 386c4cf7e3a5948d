import { Option } from 'commander'

/** `--plugin`, of every command that may need what one brings. */
export const pluginOption = (): Option =>
  new Option(
    '--plugin <module>',
    'a file or package with feed-forwards or row drivers of your own; may be repeated',
  ).argParser((value: string, previous: readonly string[] = []) => [...previous, value])
