import type { Strategy } from '@stemkit/edit'
import { Option } from 'commander'

/** All that there are; not from the package, which would have to be loaded for it. */
const NAMES: Readonly<Record<Strategy, true>> = {
  one_to_one: true,
  padding_right: true,
  padding_left: true,
  padding_keep: true,
  copying: true,
  copying_last: true,
  subset_first: true,
  subset_last: true,
  subset_even: true,
  mean: true,
  expand_padding: true,
  expand_repeat_last: true,
  expand_copying: true,
}

/** How unequal numbers of tokens are bridged. */
export const strategyOption = (description: string): Option =>
  new Option('--strategy <name...>', description).choices(Object.keys(NAMES))
