import { opError } from './scope.ts'
import type { DataType, Tensor } from './tfjs.ts'

type Dimension = string | number

/** `float32 [2, 3]` */
function describe(tensor: Tensor): string {
  return `${tensor.dtype} [${tensor.shape.join(', ')}]`
}

/**
 * Checks tensors of one op against shapes with named dimensions and returns the sizes of the names.
 *
 * `checkShapes('linear', { x: [x, ['N', 'in']], w: [w, ['out', 'in']] })` throws a 'bad-input' `StemkitError` that names
 * the op, the scope, the offending tensor, and the tensor that fixed the size it contradicts.
 */
export function checkShapes(
  op: string,
  tensors: Record<string, readonly [tensor: Tensor, shape: readonly Dimension[], dtype?: DataType]>,
): Record<string, number> {
  const sizes: Record<string, number> = {}
  const fixedBy: Record<string, string> = {}
  for (const [name, [tensor, shape, dtype = 'float32']] of Object.entries(tensors)) {
    const wanted = `[${shape.join(', ')}]`
    if (tensor.dtype !== dtype) throw opError(op, `${name} is ${describe(tensor)}, but must be ${dtype} ${wanted}`)
    if (tensor.shape.length !== shape.length) throw opError(op, `${name} is ${describe(tensor)}, but must be ${wanted}`)
    shape.forEach((dimension, axis) => {
      const size = tensor.shape[axis]!
      const expected = typeof dimension === 'number' ? dimension : (sizes[dimension] ?? size)
      if (size !== expected) {
        if (typeof dimension === 'number') throw opError(op, `${name} is ${describe(tensor)}, but must be ${wanted}`)
        const by = fixedBy[dimension] === undefined ? '' : `, as ${fixedBy[dimension]} has it`
        throw opError(op, `${name} is ${describe(tensor)}, but must be ${wanted} with ${dimension} = ${expected}${by}`)
      }
      if (typeof dimension === 'string' && !(dimension in sizes)) {
        sizes[dimension] = size
        fixedBy[dimension] = `${name} ${describe(tensor)}`
      }
    })
  }
  return sizes
}
