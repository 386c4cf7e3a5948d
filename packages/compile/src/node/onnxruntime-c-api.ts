import { StemkitError } from '@stemkit/spec/errors'
import type { BoundRun, HostTensor, RunOptions, Runtime, RuntimeSession, SessionOptions } from '../runtime.ts'
import { joinPackedWeights } from './packed-weights.ts'
import { called, check, made, openNative, valueOver, type Native, type Pointer } from './ort-library.ts'

type HostTensors = Readonly<Record<string, HostTensor>>

/**
 * ONNX Runtime through its C API, on the library inside `onnxruntime-node`'s package: nothing is copied,
 * the JavaScript thread stays free while a graph runs, and a run can be cancelled.
 * @throws StemkitError 'unsupported' where `koffi` or the library cannot be loaded
 */
export function onnxRuntimeCApi(): Runtime {
  const native = openNative()
  return {
    name: 'onnxruntime (C API)',
    sharesWeights: true,
    createSession: (model, options, weights) => createSession(native, model, options, weights),
  }
}

async function createSession(
  native: Native,
  model: Uint8Array,
  options: SessionOptions = {},
  weights: HostTensors = {},
): Promise<RuntimeSession> {
  const { api } = native
  const settings = made(api, (out) => api.CreateSessionOptions(out))
  const slot = new BigUint64Array(1)
  const given = bindValues(native, weights)
  const packed = options.group && joinPackedWeights(api, options.group)
  try {
    check(api, api.SetSessionLogSeverityLevel(settings, 3))
    check(api, api.SetSessionGraphOptimizationLevel(settings, 99))
    // Planning memory by pattern costs half a gigabyte at the benchmark's shape and gains no time.
    check(api, api.DisableMemPattern(settings))
    check(api, api.AddSessionConfigEntry(settings, 'session.use_env_allocators', '1'))
    if (options.threads) check(api, api.SetIntraOpNumThreads(settings, options.threads))
    // Else its threads spin on after a run, for 12 ms and more, in the way of whoever computes next.
    check(api, api.AddSessionConfigEntry(settings, 'session.force_spinning_stop', '1'))
    if (options.spin === false) check(api, api.AddSessionConfigEntry(settings, 'session.intra_op.allow_spinning', '0'))
    if (options.profile) check(api, api.EnableProfiling(settings, options.profile))
    const { names, values } = given
    if (names.length > 0) check(api, api.AddExternalInitializers(settings, names, values, names.length))
    const from = [native.env, model, model.byteLength, settings] as const
    if (packed) {
      // Only what is given this way, too, is looked for among the packed weights.
      Object.keys(weights).forEach((name, i) => check(api, api.AddInitializer(settings, name, values[i]!)))
      const create = api.CreateSessionFromArrayWithPrepackedWeightsContainer
      check(api, await called(create, ...from, packed.container, slot))
    } else {
      check(api, await called(api.CreateSessionFromArray, ...from, slot))
    }
    // What the runtime was given to share it reads by its address, as long as the session lives.
    if (!packed) given.dispose()
  } catch (error) {
    given.dispose()
    packed?.release()
    throw error
  } finally {
    api.ReleaseSessionOptions(settings)
  }
  const release = (): void => {
    given.dispose()
    packed?.release()
  }
  return openSession(native, slot[0]!, weights, release)
}

/** Names and OrtValues as the C API takes them. What is given under two names is one value. */
interface BoundValues {
  readonly names: BigUint64Array
  readonly values: BigUint64Array
  /** What the addresses lead to, kept from the collector. */
  readonly kept: unknown
  dispose(): void
}

function bindValues(native: Native, hosts: HostTensors): BoundValues {
  const entries = Object.entries(hosts)
  const names = entries.map(([name]) => Buffer.from(`${name}\0`))
  const values: Pointer[] = []
  const dispose = (): void => {
    for (const value of values.splice(0)) native.api.ReleaseValue(value)
  }
  try {
    for (const [, host] of entries) values.push(valueOver(native, host))
  } catch (error) {
    dispose()
    throw error
  }
  return {
    names: BigUint64Array.from(names, native.address),
    values: BigUint64Array.from(values),
    kept: [names, hosts],
    dispose,
  }
}

function openSession(native: Native, session: Pointer, weights: HostTensors, release: () => void): RuntimeSession {
  const { api } = native
  const bound = new Set<BoundRun>()
  // The runtime reads the weights where they are as long as the session lives, so the collector may not have them.
  const held = new Set([weights])
  let running: Promise<unknown> | undefined
  let disposed = false

  function bind(inputs: HostTensors, outputs: HostTensors): BoundRun {
    const [from, to] = [bindValues(native, inputs), bindValues(native, outputs)]
    const settings = made(api, (out) => api.CreateRunOptions(out))
    const stop = (): void => void api.RunOptionsSetTerminate(settings)
    const each: BoundRun = {
      async run({ signal }: RunOptions = {}) {
        if (disposed) throw new StemkitError('bad-input', 'run: this session was disposed')
        if (running) throw new StemkitError('conflict', 'run: a run of this session is under way; await it first')
        signal?.throwIfAborted()
        signal?.addEventListener('abort', stop, { once: true })
        try {
          running = called(
            api.Run,
            session,
            settings,
            from.names,
            from.values,
            from.names.length,
            to.names,
            to.names.length,
            to.values,
          )
          const status = await running
          if (signal?.aborted) {
            check(api, api.RunOptionsUnsetTerminate(settings))
            if (status !== null) api.ReleaseStatus(status as Pointer)
            signal.throwIfAborted()
          }
          check(api, status)
        } finally {
          running = undefined
          signal?.removeEventListener('abort', stop)
        }
      },
      dispose() {
        if (!bound.delete(each)) return
        from.dispose()
        to.dispose()
        api.ReleaseRunOptions(settings)
      },
    }
    bound.add(each)
    return each
  }

  let last: { inputs: HostTensors; outputs: HostTensors; bound: BoundRun } | undefined
  return {
    bind,
    async run(inputs, outputs, options) {
      if (!last || !sameHosts(last.inputs, inputs) || !sameHosts(last.outputs, outputs)) {
        // While a run is under way its values are in use; the new one will be refused.
        if (!running) last?.bound.dispose()
        last = { inputs, outputs, bound: bind(inputs, outputs) }
      }
      await last.bound.run(options)
    },
    async dispose() {
      if (disposed) return
      disposed = true
      await running?.catch(() => {})
      for (const each of bound) each.dispose()
      api.ReleaseSession(session)
      release()
      held.clear()
    },
  }
}

/** The same arrays under the same names, in the same shapes. */
function sameHosts(a: HostTensors, b: HostTensors): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [x, y] = [a[name]!, b[name]]
      return y !== undefined && x.data === y.data && x.shape.join() === y.shape.join()
    })
  )
}
