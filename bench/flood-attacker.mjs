// Requests without a key whose bodies come all the same, at a rate, from an address of its own, until it is ended:
//   node bench/flood-attacker.mjs PORT MB_PER_S
// Tells each second what was sent and what came back, as one line of JSON.
import { connect } from 'node:net';

const [port, rate] = process.argv.slice(2).map(Number);
const CONNECTIONS = 32;
const BODY_BYTES = 512 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 'x');
const SLICE_MS = 10;
const HEAD =
  'POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n' +
  `Content-Length: ${BODY_BYTES}\r\n\r\n`;
const BYTES_PER_SLICE = (rate * 1e6 * SLICE_MS) / 1_000;

const told = { bytes: 0, connections: 0, statuses: {} };
const sockets = new Set();

function open() {
  const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
  socket.left = BODY_BYTES;
  socket.on('error', () => undefined);
  socket.once('data', (chunk) => {
    const status = chunk.toString('latin1', 9, 12);
    told.statuses[status] = (told.statuses[status] ?? 0) + 1;
  });
  socket.once('close', () => {
    sockets.delete(socket);
    open();
  });
  socket.write(HEAD);
  sockets.add(socket);
  told.connections++;
}

/** What is not taken now is not owed later. */
function push() {
  let room = BYTES_PER_SLICE;
  for (const socket of sockets) {
    if (room <= 0) break;
    if (socket.writableNeedDrain || socket.connecting || socket.destroyed) continue;
    if (socket.left <= 0) {
      socket.destroy();
      continue;
    }
    socket.write(PIECE);
    socket.left -= PIECE.length;
    room -= PIECE.length;
    told.bytes += PIECE.length;
  }
}

for (let n = 0; n < CONNECTIONS; n++) open();
setInterval(push, SLICE_MS);
setInterval(() => console.log(JSON.stringify(told)), 1_000);
