import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { fieldsOf, type ProtobufField } from './protobuf-fields.js';

type Value = string | boolean | number | readonly Value[];
export type SpanAttributes = Readonly<Record<string, Value>>;

/** A span as it came over the wire. Times in ns since the epoch. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'server' | 'client' | 'other';
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: SpanAttributes;
  readonly events: readonly { readonly name: string; readonly attributes: SpanAttributes }[];
  readonly failed: boolean;
}

const KINDS: Readonly<Record<number, ReceivedSpan['kind']>> = { 2: 'server', 3: 'client' };
const STATUS_ERROR = 2n;

/** A collector that takes OTLP over HTTP as protobuf, and remembers the spans and the bytes. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly bodies: Buffer[] = [];

  private constructor(private readonly server: Server) {}

  /** @param hang take connections and never answer */
  static async start(hang = false): Promise<OtlpReceiver> {
    const server = createServer();
    const receiver = new OtlpReceiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        receiver.bodies.push(body);
        if (hang) return;
        receiver.spans.push(...spansOf(body));
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

// ExportTraceServiceRequest.resource_spans = 1, ResourceSpans.scope_spans = 2, ScopeSpans.spans = 2
function spansOf(request: Buffer): ReceivedSpan[] {
  return inside(request, 1).flatMap((resource) =>
    inside(resource, 2).flatMap((scope) => inside(scope, 2).map((span) => spanOf(fieldsOf(span)))),
  );
}

function spanOf(fields: readonly ProtobufField[]): ReceivedSpan {
  const field = (number: number): ProtobufField | undefined => fields.find((one) => one.number === number);
  const all = (number: number): Buffer[] => fields.filter((one) => one.number === number).map(({ bytes }) => bytes);
  return {
    traceId: field(1)?.bytes.toString('hex') ?? '',
    spanId: field(2)?.bytes.toString('hex') ?? '',
    parentSpanId: field(4)?.bytes.toString('hex') ?? '',
    name: field(5)?.bytes.toString() ?? '',
    kind: KINDS[Number(field(6)?.value ?? 0n)] ?? 'other',
    startNs: field(7)?.value ?? 0n,
    endNs: field(8)?.value ?? 0n,
    attributes: attributesOf(all(9)),
    events: all(11).map((event) => ({
      name: inside(event, 2)[0]?.toString() ?? '',
      attributes: attributesOf(inside(event, 3)),
    })),
    failed: fieldsOf(field(15)?.bytes ?? Buffer.alloc(0)).some(
      ({ number, value }) => number === 3 && value === STATUS_ERROR,
    ),
  };
}

// KeyValue.key = 1, KeyValue.value = 2
function attributesOf(pairs: readonly Buffer[]): SpanAttributes {
  return Object.fromEntries(
    pairs.map((pair) => [inside(pair, 1)[0]?.toString() ?? '', valueOf(inside(pair, 2)[0] ?? Buffer.alloc(0))]),
  );
}

// AnyValue: string 1, bool 2, int 3, double 4, array 5
function valueOf(any: Buffer): Value {
  const [field] = fieldsOf(any);
  switch (field?.number) {
    case 2:
      return field.value === 1n;
    case 3:
      return Number(BigInt.asIntN(64, field.value));
    case 4:
      return field.bytes.readDoubleLE();
    case 5:
      return inside(field.bytes, 1).map(valueOf);
    default:
      return field?.bytes.toString() ?? '';
  }
}

function inside(message: Buffer, number: number): Buffer[] {
  return fieldsOf(message)
    .filter((field) => field.number === number)
    .map(({ bytes }) => bytes);
}
