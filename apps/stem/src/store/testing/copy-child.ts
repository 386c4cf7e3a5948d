import process from 'node:process'
import { copyOnce } from './copy-once.ts'

// node copy-child.ts FROM TO FATAL: copies a table, and kills itself at the FATALth call of a driver.

const [from = '', to = '', fatal = ''] = process.argv.slice(2)
await copyOnce(from, to, (call) => {
  if (call === Number(fatal)) process.kill(process.pid, 'SIGKILL')
})
