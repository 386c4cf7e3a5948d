import { customGrad, engine, getBackend, getKernel, tidy } from './tfjs.ts'
import type { GradSaveFunc, NamedAttrMap, NamedTensorMap, Tensor } from './tfjs.ts'

/**
 * Runs kernel `name` if the current backend registers one, else the composed form. Both return the same tensors, in the
 * order that `kernels.ts` gives.
 */
export function fused(name: string, inputs: NamedTensorMap, attrs: NamedAttrMap, compose: () => Tensor[]): Tensor[] {
  if (getKernel(name, getBackend()) === undefined) return tidy(compose)
  const outputs: Tensor | Tensor[] = engine().runKernel(name, inputs, attrs)
  return Array.isArray(outputs) ? outputs : [outputs]
}

/**
 * An op with a hand-written gradient. `forward` returns the value and what the gradient will read (`saved`, kept alive
 * until then); `backward` returns one gradient per input, in order.
 */
export function differentiable<T extends Tensor, S extends NamedTensorMap>(
  inputs: Tensor[],
  forward: () => { value: Tensor; saved: S },
  backward: (dy: Tensor, saved: S) => Tensor[],
): T {
  const run = customGrad((...args: (Tensor | GradSaveFunc)[]) => {
    const save = args.at(-1) as GradSaveFunc
    const { value, saved } = forward()
    const names = Object.keys(saved)
    save(Object.values(saved))
    return {
      value,
      gradFunc: (dy: Tensor, kept: Tensor[]) =>
        backward(dy, Object.fromEntries(names.map((name, i) => [name, kept[i]])) as S),
    }
  })
  return run(...inputs) as T
}
