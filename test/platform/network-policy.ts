import { BlockList, isIPv6 } from 'node:net';

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}
interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol?: string; readonly port: string | number }[];
}
export interface PolicySpec {
  readonly podSelector: Selector;
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

/** Somebody in the cluster, or an address outside it. */
export type Party =
  { readonly address: string } | { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };

export interface Connection {
  readonly direction: 'Ingress' | 'Egress';
  readonly peer: Party;
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}

/**
 * What Kubernetes decides for a pod that `policy` selects and no other policy does, in namespace `home`; `named` are the
 * ports that the pod names. As in the API: a direction that is not isolated is open, rules are alternatives, an absent
 * list of peers or ports means any, selectors of one peer must all match. Throws at what it does not know.
 */
export function allows(policy: PolicySpec, home: string, named: ReadonlyMap<string, number>, to: Connection): boolean {
  if (!policy.policyTypes.includes(to.direction)) return true;
  const rules = (to.direction === 'Ingress' ? policy.ingress : policy.egress) ?? [];
  return rules.some(({ from, to: onto, ports }) => {
    const peers = to.direction === 'Ingress' ? from : onto;
    const portMatches = ports?.some(
      ({ protocol = 'TCP', port }) => protocol === to.protocol && numberOf(port, named) === to.port,
    );
    return (portMatches ?? true) && (peers?.some((peer) => isPeer(peer, home, to.peer)) ?? true);
  });
}

function numberOf(port: string | number, named: ReadonlyMap<string, number>): number {
  const found = typeof port === 'number' ? port : named.get(port);
  if (found === undefined) throw new Error(`the pod has no port ${port}`);
  return found;
}

function isPeer(peer: Peer, home: string, party: Party): boolean {
  const { ipBlock, namespaceSelector, podSelector } = peer;
  if (ipBlock) return 'address' in party && within(ipBlock.cidr, ipBlock.except ?? [], party.address);
  if ('address' in party) return false;
  const inNamespace = namespaceSelector
    ? selects(namespaceSelector, { 'kubernetes.io/metadata.name': party.namespace })
    : party.namespace === home;
  return inNamespace && (podSelector === undefined || selects(podSelector, party.labels));
}

function selects(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  const unknown = Object.keys(selector).filter((key) => key !== 'matchLabels');
  if (unknown.length > 0) throw new Error(`selector with ${unknown.join()}`);
  return Object.entries(selector.matchLabels ?? {}).every(([name, value]) => labels[name] === value);
}

function within(cidr: string, except: readonly string[], address: string): boolean {
  return contains(cidr, address) && !except.some((range) => contains(range, address));
}

function contains(cidr: string, address: string): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const [network = '', length] = cidr.split('/');
  if (isIPv6(network) !== isIPv6(address)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(length), family);
  return list.check(address, family);
}
