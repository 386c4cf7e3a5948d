// Takes the lock of the rows at a URL, says so, and never lets go of it.
import { redisRows } from '../redis-rows.ts'

const rows = await redisRows({ url: process.argv[2]! })
await rows.lock!()
process.stdout.write('locked\n')
