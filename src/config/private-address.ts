/** First address and prefix length of each IPv4 block that is not the public internet (RFC 6890). */
const PRIVATE_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
];

/**
 * Whether a host of a parsed URL is literally loopback, link-local or private: an address or a localhost name.
 * Other names are judged by the address they resolve to, when they are connected to.
 */
export function isPrivateHost(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  // URL parsing has already turned every spelling of an IPv4 address into four decimals.
  if (/^\d+\.\d+\.\d+\.\d+$/.test(name)) return isPrivateV4(v4Number(name));
  if (name.startsWith('[')) return isPrivateV6(v6Groups(name.slice(1, -1)));
  return false;
}

const v4Number = (address: string): number =>
  address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);

function isPrivateV4(address: number): boolean {
  return PRIVATE_V4.some(([block, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(address / size) === Math.floor(v4Number(block) / size);
  });
}

/** The eight groups of an address in the URL parser's normal form, which has no dotted part. */
function v6Groups(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  if (tail === undefined) return groups(head);
  const [left, right] = [groups(head), groups(tail)];
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function isPrivateV6(groups: readonly number[]): boolean {
  const [first = 0, second = 0] = groups;
  const low = (groups[6] ?? 0) * 65_536 + (groups[7] ?? 0);
  const zeros = (end: number): boolean => groups.slice(0, end).every((group) => group === 0);
  if (zeros(6)) return true; // ::, ::1 and the old IPv4-compatible addresses
  if (zeros(5) && groups[5] === 0xffff) return isPrivateV4(low);
  if (first === 0x64 && second === 0xff9b) return isPrivateV4(low); // NAT64
  const isUniqueLocal = (first & 0xfe00) === 0xfc00;
  const isLinkLocal = (first & 0xffc0) === 0xfe80 || (first & 0xffc0) === 0xfec0;
  return isUniqueLocal || isLinkLocal || (first & 0xff00) === 0xff00;
}
