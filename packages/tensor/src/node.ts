export { setUpDawn, type DawnOptions, type DawnResult } from './node/dawn.ts'
