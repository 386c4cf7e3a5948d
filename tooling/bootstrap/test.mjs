// `npm test`: sets up everything, then runs the tests; arguments go to vitest.
import { runNode, setUp } from './set-up.mjs'

await setUp()
runNode(['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)])
