import { StemkitError } from '@stemkit/spec/errors'
import { openServer, ServerFailure, type Command, type Reply, type Server, type ServerOptions } from './server.ts'
import { SLOTS } from './slots.ts'
import { nameOf, type Address } from './url.ts'
import { unlessAborted } from '@stemkit/spec/waiting'
import { pause } from './waiting.ts'

/** The servers of some rows: one, or the masters of a cluster. */
export interface Router {
  /** The master that serves a slot now, as far as is known. Throws a ServerFailure if none does. */
  serverOf(slot: number): Server
  masters(): readonly Server[]
  /** Sends commands to the master of `slot` in one go, again and again if need be. Only what may be repeated. */
  send(slot: number, commands: readonly Command[], signal?: AbortSignal): Promise<Reply[]>
  /**
   * Does `work` until it fails no more for reasons that pass: a connection lost, a server that is starting, a failover. Gives
   * up with `io` after the time limit, or at once on any other error of a server; the caller's own errors pass unchanged.
   */
  persist<T>(work: (ask: Ask) => Promise<T>, signal?: AbortSignal): Promise<T>
  close(): void
}

/** Sends commands to a server, within the time limit. */
export type Ask = (server: Server, commands: readonly Command[]) => Promise<Reply[]>

export interface RouterOptions extends ServerOptions {
  readonly addresses: readonly Address[]
  /** Whether it has to be a cluster. It is found out in any case. */
  readonly cluster: boolean
  /** Milliseconds that `persist` goes on for. */
  readonly timeout: number
}

/** Errors that pass by themselves. MOVED and ASK say where else to ask. */
const PASSING = new Set(
  'MOVED ASK TRYAGAIN CLUSTERDOWN MASTERDOWN LOADING READONLY BUSY UNBLOCKED NOREPLICAS'.split(' '),
)
const LONGEST_PAUSE = 500
const NO_ANSWER = 'no answer'

/**
 * Connects to the first address that answers and asks it for the others.
 * @throws bad-input, io
 */
export async function openRouter(options: RouterOptions, signal?: AbortSignal): Promise<Router> {
  const { addresses, cluster, timeout } = options
  const servers = new Map<string, Server>()
  const serverAt = (address: Address): Server => {
    const name = nameOf(address)
    const server = servers.get(name) ?? openServer(address, options)
    servers.set(name, server)
    return server
  }
  const close = (): void => servers.forEach((server) => server.hangUp())
  let ranges: readonly SlotRange[] | undefined
  try {
    ranges = await firstMap(addresses.map(serverAt), signal)
  } catch (error) {
    close()
    throw error instanceof ServerFailure ? explain(error) : error
  }
  if (ranges === undefined && (cluster || addresses.length > 1)) {
    close()
    throw new StemkitError(
      'bad-input',
      `redis ${nameOf(addresses[0]!)}: is no cluster; use a URL with redis:// instead`,
    )
  }
  const single = ranges === undefined ? serverAt(addresses[0]!) : undefined

  const masters = (): Server[] => {
    if (single !== undefined) return [single]
    return [...new Set(ranges!.map(({ master }) => serverAt(master)))]
  }

  let refreshing: Promise<void> | undefined
  const refresh = (avoid: string): Promise<void> =>
    (refreshing ??= findMap(avoid).finally(() => (refreshing = undefined)))
  const findMap = async (avoid: string): Promise<void> => {
    const known = [...ranges!.flatMap(({ master, replicas }) => [master, ...replicas]), ...addresses].map(serverAt)
    const candidates = [...new Set(known)].toSorted((a, b) => Number(a.name === avoid) - Number(b.name === avoid))
    for (const server of candidates) {
      try {
        const found = await unlessAborted(slotRanges(server), AbortSignal.timeout(1000))
        if (found === undefined || found.length === 0) continue
        ranges = found
        const used = new Set(masters())
        for (const other of servers.values()) if (!used.has(other)) other.hangUp()
        return
      } catch {
        // It is down too: the next one may know more.
      }
    }
  }

  const router: Router = {
    masters,
    serverOf(slot) {
      if (single !== undefined) return single
      const range = ranges!.find(({ from, to }) => slot >= from && slot <= to)
      if (range === undefined) throw new ServerFailure('the cluster', `no node serves slot ${slot} of ${SLOTS}`)
      return serverAt(range.master)
    },
    send: (slot, commands, aborting) =>
      router.persist(async (ask) => {
        try {
          return await ask(router.serverOf(slot), commands)
        } catch (error) {
          const there = error instanceof ServerFailure && error.code === 'ASK' ? placeIn(error) : undefined
          if (there === undefined) throw error
          const [, ...replies] = await ask(serverAt(there), [['ASKING'], ...commands])
          return replies
        }
      }, aborting),
    async persist(work, aborting) {
      const end = performance.now() + timeout
      let reason: ServerFailure | undefined
      const ask: Ask = (server, commands) => within(end, server, commands)
      for (let attempt = 0; ; attempt++) {
        aborting?.throwIfAborted()
        try {
          return await unlessAborted(work(ask), aborting)
        } catch (error) {
          if (!(error instanceof ServerFailure)) throw error
          // That the time is up says less than what went wrong before.
          if (reason === undefined || error.message !== NO_ANSWER) reason = error
          const passes = error.code === undefined || PASSING.has(error.code)
          const wait = error.code === 'MOVED' && attempt === 0 ? 0 : Math.min(20 * 2 ** attempt, LONGEST_PAUSE)
          if (!passes) throw explain(error)
          if (performance.now() + wait >= end) throw explain(reason, timeout)
          await pause(wait * (0.75 + Math.random() / 2), aborting)
          if (single === undefined) await unlessAborted(refresh(error.server), aborting)
        }
      }
    },
    close,
  }
  return router
}

/** A stalled server keeps its connection for a while, but nobody waits for it longer than the time limit. */
async function within(end: number, server: Server, commands: readonly Command[]): Promise<Reply[]> {
  const late = AbortSignal.timeout(Math.max(1, Math.ceil(end - performance.now())))
  try {
    return await unlessAborted(server.send(commands), late)
  } catch (error) {
    throw late.aborted && error === late.reason ? new ServerFailure(server.name, NO_ANSWER) : error
  }
}

interface SlotRange {
  readonly from: number
  readonly to: number
  readonly master: Address
  readonly replicas: readonly Address[]
}

/** The map of the first server that answers; undefined if that is no cluster. */
async function firstMap(servers: readonly Server[], signal: AbortSignal | undefined) {
  for (const [at, server] of servers.entries()) {
    try {
      return await unlessAborted(slotRanges(server), signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (at === servers.length - 1) throw error
    }
  }
  return undefined
}

/** @returns undefined where there is no cluster, or nobody that would say so (a proxy, say) */
async function slotRanges(server: Server): Promise<SlotRange[] | undefined> {
  let reply: Reply | undefined
  try {
    ;[reply] = await server.send([['CLUSTER', 'SLOTS']])
  } catch (error) {
    if (error instanceof ServerFailure && (error.code === 'ERR' || error.code === 'NOPERM')) return undefined
    throw error
  }
  const asked = 'host' in server.address ? server.address.host : 'localhost'
  const address = ([host, port]: readonly Reply[]): Address => ({
    host: String(host ?? '') || asked,
    port: Number(port),
  })
  return (reply as readonly (readonly Reply[])[]).map(([from, to, master, ...replicas]) => ({
    from: Number(from),
    to: Number(to),
    master: address(master as readonly Reply[]),
    replicas: replicas.map((replica) => address(replica as readonly Reply[])),
  }))
}

/** `ASK 3999 127.0.0.1:6381` */
function placeIn({ message, server }: ServerFailure): Address | undefined {
  const [, host = '', port] = /^ASK \d+ (.*):(\d+)$/.exec(message) ?? []
  return port === undefined ? undefined : { host: host || server.replace(/:\d+$/, ''), port: Number(port) }
}

/** One line for whoever has to do something about it. */
function explain(failure: ServerFailure, tried?: number): StemkitError {
  const { code, server, message } = failure
  const said = `redis ${server}: ${message}`
  const options = { cause: failure }
  if (tried !== undefined) {
    return new StemkitError('io', `${said}; given up after ${tried} ms, which 'timeout' can change`, options)
  }
  if (code === 'NOAUTH' || code === 'WRONGPASS') {
    return new StemkitError(
      'bad-input',
      `redis ${server}: user name or password missing or wrong (${message})`,
      options,
    )
  }
  if (code === 'WRONGTYPE') {
    return new StemkitError('conflict', `${said}: somebody else uses these keys; take another prefix`, options)
  }
  if (code === 'OOM') return new StemkitError('io', `redis ${server}: its memory is full (maxmemory)`, options)
  return new StemkitError('io', said, options)
}
