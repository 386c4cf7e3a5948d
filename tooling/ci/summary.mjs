// Closes a CI run: names what failed and prints `N passed, N failed, N skipped`. Fails if anything did, or if nothing ran.
// node summary.mjs VITEST-JSON [FAILED-PHASE ...]
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

/** Skipping these means that CI did not install what they need. Others may lack data that lies outside the repository, and say so. */
const needed = /webgpu|browser|chromium|server/i
const isNeeded = (name) => needed.test(name) && !name.includes('shared/')

const [results = '', ...failedPhases] = process.argv.slice(2)
const files = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')).testResults : []
const tests = files.flatMap(({ name, assertionResults }) =>
  assertionResults.map(({ fullName, status }) => ({ name: `${relative('.', name)} > ${fullName}`, status })),
)
const withStatus = (...wanted) => tests.filter(({ status }) => wanted.includes(status)).map(({ name }) => name)

const passed = withStatus('passed')
const skipped = withStatus('pending', 'skipped', 'todo', 'disabled')
const failures = [
  ...withStatus('failed'),
  ...files.filter(brokenFile).map(({ name, message }) => `${relative('.', name)} > ${message.split('\n')[0]}`),
  ...skipped.filter(isNeeded).map((name) => `${name} (skipped, but its needs are installed here)`),
  // A failed test run is counted test by test.
  ...failedPhases.filter((name) => name !== 'npm test'),
]
if (passed.length === 0) failures.push('no test passed')
if (failedPhases.includes('npm test') && failures.length === 0) failures.push('npm test')

for (const failure of failures) console.log(`failed: ${failure}`)
console.log(`${passed.length} passed, ${failures.length} failed, ${skipped.length} skipped`)
process.exitCode = failures.length > 0 ? 1 : 0

/** A test file that failed outside of its tests: it does not load, or a hook threw. */
function brokenFile({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed')
}
