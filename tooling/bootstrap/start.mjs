// `npm start`: sets up everything, then trains the default recipe.
import { runNode, setUp } from './set-up.mjs'

await setUp()
runNode(['apps/stem/src/main.ts', 'recipe', 'sotu', ...process.argv.slice(2)])
