/** One field of a protobuf message: a length-delimited one has bytes, any other a number. */
export interface ProtobufField {
  readonly number: number;
  readonly bytes: Buffer;
  /** Of varints and fixed fields; fixed ones of 64 bits read as whole numbers. */
  readonly value: bigint;
}

const VARINT = 0;
const FIXED_64 = 1;
const DELIMITED = 2;
const FIXED_32 = 5;

/** The fields of a message in the order of the wire. */
export function fieldsOf(message: Buffer): ProtobufField[] {
  const fields: ProtobufField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('the message ends in the middle of a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > message.length) throw new Error('the message ends in the middle of a field');
    return message.subarray(at, (at += length));
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    switch (tag & 7) {
      case VARINT:
        fields.push({ number, bytes: Buffer.alloc(0), value: varint() });
        break;
      case FIXED_64: {
        const bytes = take(8);
        fields.push({ number, bytes, value: bytes.readBigUInt64LE() });
        break;
      }
      case DELIMITED:
        fields.push({ number, bytes: take(Number(varint())), value: 0n });
        break;
      case FIXED_32: {
        const bytes = take(4);
        fields.push({ number, bytes, value: BigInt(bytes.readUInt32LE()) });
        break;
      }
      default:
        throw new Error(`wire type ${tag & 7} is not used by OTLP`);
    }
  }
  return fields;
}
