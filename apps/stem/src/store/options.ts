import { Option } from 'commander'

export const dtypeOption = (): Option =>
  new Option('--dtype <dtype>', 'how values are stored').choices(['f32', 'f16', 'bf16', 'int8'])

export const stateOption = (): Option =>
  new Option('--state <state>', "what the optimiser keeps beside them; to train, 'adam' or 'row-adagrad'").choices([
    'none',
    'adam',
    'row-adagrad',
  ])
