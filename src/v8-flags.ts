import { setFlagsFromString } from 'node:v8';

// V8 watches where long-lived objects are made and then allocates there in the old generation. Requests look
// long-lived to it whenever they wait for an upstream: all of them then survive, and so does what they name, until the
// next full collection. Off, a quarter as much memory is copied and 20 to 25 % of the cost of a JSON request is saved.
setFlagsFromString('--no-allocation-site-pretenuring');

// A request runs through some two hundred short functions, and V8 stops to inline them where the sum of their bytecode
// exceeds 920 bytes. With 2,500 a JSON request costs 4 to 14 % less, whatever else the compiler then decides.
setFlagsFromString('--max-inlined-bytecode-size-cumulative=2500');
