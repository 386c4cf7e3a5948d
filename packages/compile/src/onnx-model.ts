import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
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
import type { Attribute, Constant, ElementType, Graph, GraphPort } from './graph.ts'

const OPSET = 20n
const IR_VERSION = 10n

const dataTypes: Record<ElementType, DataType> = {
  float32: DataType.FLOAT,
  int32: DataType.INT32,
  int64: DataType.INT64,
  bool: DataType.BOOL,
}

/** The graph as the bytes of an `.onnx` file. */
export function encodeOnnxModel(graph: Graph, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
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
      initializer: graph.constants.map(encodeConstant),
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
  const view = typed as ArrayBufferView
  // Views of shared memory are copied: protobuf wants plain buffers.
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice()
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
