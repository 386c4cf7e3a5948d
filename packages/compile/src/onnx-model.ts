import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../generated/onnx_pb.js'
import type { Attribute, Constant, ElementType, Graph, GraphPort, GraphWeight } from './graph.ts'
import type { HostTensor } from './runtime.ts'

const OPSET = 20n
const IR_VERSION = 10n

const dataTypes: Record<ElementType, DataType> = {
  float32: DataType.FLOAT,
  float16: DataType.FLOAT16,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
  int32: DataType.INT32,
  int64: DataType.INT64,
  bool: DataType.BOOL,
}

export interface EncodeOptions {
  readonly metadata?: Readonly<Record<string, string>>
  /** Arrays of the graph's weights, to be put into the file. Default: the file says that they are elsewhere. */
  readonly weights?: Readonly<Record<string, HostTensor>>
}

/** The graph as the bytes of an `.onnx` file. */
export function encodeOnnxModel(graph: Graph, { metadata = {}, weights }: EncodeOptions = {}): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'stemkit',
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: '', version: OPSET }),
      create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
    ],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: create(GraphProtoSchema, {
      name: 'stemkit',
      node: graph.nodes.map((node, index) =>
        create(NodeProtoSchema, {
          name: `${node.op}_${index}`,
          opType: node.op,
          domain: node.domain,
          input: [...node.inputs],
          output: [...node.outputs],
          attribute: Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
        }),
      ),
      initializer: [
        ...graph.constants.map(encodeConstant),
        ...graph.weights.map((each) => encodeWeight(each, weights)),
      ],
      input: graph.inputs.map(encodePort),
      output: graph.outputs.map(encodePort),
    }),
  })
  return toBinary(ModelProtoSchema, model)
}

function encodeAttribute(name: string, value: Attribute): AttributeProto {
  if ('int' in value) return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value.int) })
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  if ('ints' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.ints.map(BigInt) })
  }
  return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value.string) })
}

function encodeConstant(constant: Constant): TensorProto {
  return create(TensorProtoSchema, {
    name: constant.name,
    dims: constant.shape.map(BigInt),
    dataType: dataTypes[constant.dtype],
    rawData: rawBytes(constant),
  })
}

function rawBytes({ dtype, data }: Constant): Uint8Array {
  const numbers = Array.isArray(data) ? data : undefined
  const typed =
    dtype === 'int64'
      ? BigInt64Array.from(Array.from(data, (value) => BigInt(value)))
      : dtype === 'float32'
        ? numbers
          ? Float32Array.from(numbers)
          : data
        : dtype === 'int32'
          ? numbers
            ? Int32Array.from(numbers)
            : data
          : Uint8Array.from(data)
  return bytesOf(typed as ArrayBufferView)
}

/** Views of shared memory are copied: protobuf wants plain buffers. */
const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer, byteOffset, byteLength).slice()

/** Where a weight is, if not in the file: a place that no file has, for the runtime is given the array itself. */
const ELSEWHERE = 'given-by-the-caller'

function encodeWeight({ name, dtype, shape }: GraphWeight, weights: EncodeOptions['weights']): TensorProto {
  const common = { name, dims: shape.map(BigInt), dataType: dataTypes[dtype] }
  if (weights) return create(TensorProtoSchema, { ...common, rawData: bytesOf(weights[name]!.data) })
  return create(TensorProtoSchema, {
    ...common,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [create(StringStringEntryProtoSchema, { key: 'location', value: ELSEWHERE })],
  })
}

function encodePort(port: GraphPort): ValueInfoProto {
  const dim = port.shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof size === 'number' ? { case: 'dimValue', value: BigInt(size) } : { case: 'dimParam', value: size },
    }),
  )
  const tensor = create(TypeProto_TensorSchema, {
    elemType: dataTypes[port.dtype],
    shape: create(TensorShapeProtoSchema, { dim }),
  })
  return create(ValueInfoProtoSchema, {
    name: port.name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  })
}
