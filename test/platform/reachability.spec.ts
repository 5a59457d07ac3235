import { describe, expect, it } from 'vitest';
import { allows, type Connection, type Party, type PolicySpec } from './network-policy.js';
import { parseAll, readText, readYaml } from './repository.js';

const GATEWAY = { 'app.kubernetes.io/name': 'sre-gateway' };
const REDIS = { 'app.kubernetes.io/name': 'redis' };
const HOME = 'sre-gateway';
const PORTS = new Map([
  ['http', 8000],
  ['ops', 9090],
]);

const pod = (namespace: string, labels: Readonly<Record<string, string>> = {}): Party => ({ namespace, labels });
const address = (text: string): Party => ({ address: text });

const ofGateway = readYaml<{ spec: PolicySpec }>('k8s/base/network-policy.yaml').spec;
const ofRedis = parseAll<{ kind: string; spec: PolicySpec }>(readText('k8s/examples/redis/redis.yaml')).find(
  ({ kind }) => kind === 'NetworkPolicy',
)!.spec;

describe('by its network policy a gateway', () => {
  const reaches = (peer: Party, port: number, protocol: Connection['protocol'] = 'TCP'): boolean =>
    allows(ofGateway, HOME, PORTS, { direction: 'Egress', peer, port, protocol });

  it('is the pod that it is about', () => {
    expect(ofGateway.podSelector.matchLabels).toEqual(GATEWAY);
  });

  it.each<[string, Party, number, Connection['protocol']?]>([
    ['DNS', pod('kube-system', { 'k8s-app': 'kube-dns' }), 53, 'UDP'],
    ['DNS over TCP', pod('kube-system', { 'k8s-app': 'kube-dns' }), 53],
    ['its Redis', pod(HOME, REDIS), 6379],
    ['the collector', pod('monitoring', { 'app.kubernetes.io/name': 'opentelemetry-collector' }), 4318],
    ['an engine in another namespace', pod('inference', { 'app.kubernetes.io/name': 'vllm' }), 8000],
    ['a provider', address('104.18.7.192'), 443],
    ['a provider by IPv6', address('2606:4700::6812:7c0'), 443],
  ])('reaches %s', (_, peer, port, protocol) => {
    expect(reaches(peer, port, protocol)).toBe(true);
  });

  it.each<[string, Party, number, Connection['protocol']?]>([
    ['the metadata service', address('169.254.169.254'), 80],
    ['the metadata service by TLS', address('169.254.169.254'), 443],
    ['the metadata service by IPv6', address('fd00:ec2::254'), 443],
    ['a link-local address', address('fe80::1'), 443],
    ['the API server by its Service', address('10.96.0.1'), 443],
    ['the API server on its node', address('192.168.1.10'), 6443],
    ['a node', address('172.16.4.4'), 443],
    ['the kubelet', address('10.0.0.12'), 10250],
    ['carrier-grade NAT, where clouds keep services', address('100.100.100.200'), 443],
    ['the internet without TLS', address('93.184.215.14'), 80],
    ['mail', address('93.184.215.14'), 25],
    ['a resolver outside', address('8.8.8.8'), 53, 'UDP'],
    ['QUIC', address('104.18.7.192'), 443, 'UDP'],
    ['a Redis of another namespace', pod('other', REDIS), 6379],
    ['another port of its Redis', pod(HOME, REDIS), 22],
    ['a pod beside it', pod(HOME, { 'app.kubernetes.io/name': 'other' }), 6379],
    ['another gateway', pod(HOME, GATEWAY), 9090],
    ['Prometheus', pod('monitoring', { 'app.kubernetes.io/name': 'prometheus' }), 9090],
    ['a false DNS', pod('other', { 'k8s-app': 'kube-dns' }), 53, 'UDP'],
    ['another pod of kube-system', pod('kube-system', { component: 'etcd' }), 2379],
  ])('does not reach %s', (_, peer, port, protocol) => {
    expect(reaches(peer, port, protocol)).toBe(false);
  });
});

describe('towards a gateway, by its network policy,', () => {
  const isReached = (peer: Party, port: number): boolean =>
    allows(ofGateway, HOME, PORTS, { direction: 'Ingress', peer, port, protocol: 'TCP' });
  const ingress = pod('ingress-nginx', { 'app.kubernetes.io/name': 'ingress-nginx' });
  const prometheus = pod('monitoring', { 'app.kubernetes.io/name': 'prometheus' });

  it('callers come through the ingress controller, on their port alone', () => {
    expect(isReached(ingress, 8000)).toBe(true);
    expect(isReached(ingress, 9090)).toBe(false);
  });

  it('Prometheus comes on the operations port alone', () => {
    expect(isReached(prometheus, 9090)).toBe(true);
    expect(isReached(prometheus, 8000)).toBe(false);
  });

  it.each([
    ['a pod beside it', pod(HOME)],
    ['a pod of another namespace', pod('other')],
    ['a pod that carries the labels of Prometheus', pod('other', { 'app.kubernetes.io/name': 'prometheus' })],
    ['an address outside', address('203.0.113.7')],
    ['a node', address('192.168.1.10')],
  ])('%s does not come', (_, peer) => {
    expect([isReached(peer, 8000), isReached(peer, 9090)]).toEqual([false, false]);
  });
});

describe('by its network policy the Redis of the example', () => {
  const decide = (direction: Connection['direction'], peer: Party, port = 6379): boolean =>
    allows(ofRedis, HOME, new Map([['redis', 6379]]), { direction, peer, port, protocol: 'TCP' });

  it('is reached by gateways alone', () => {
    expect(ofRedis.podSelector.matchLabels).toEqual(REDIS);
    expect(decide('Ingress', pod(HOME, GATEWAY))).toBe(true);
    expect(decide('Ingress', pod(HOME))).toBe(false);
    expect(decide('Ingress', pod('other', GATEWAY))).toBe(false);
    expect(decide('Ingress', address('10.0.0.12'))).toBe(false);
  });

  it('reaches nobody', () => {
    expect(decide('Egress', address('104.18.7.192'), 443)).toBe(false);
    expect(decide('Egress', pod(HOME, GATEWAY), 8000)).toBe(false);
  });
});

describe('the evaluator of network policies', () => {
  const to = (peer: Party, port = 443): Connection => ({ direction: 'Egress', peer, port, protocol: 'TCP' });
  const policy = (...egress: NonNullable<PolicySpec['egress']>): PolicySpec => ({
    podSelector: {},
    policyTypes: ['Egress'],
    egress,
  });
  const ask = (spec: PolicySpec, peer: Party, port?: number): boolean => allows(spec, HOME, PORTS, to(peer, port));

  it('leaves open what no policy isolates, and closes what has no rule', () => {
    expect(ask({ podSelector: {}, policyTypes: ['Ingress'] }, address('1.1.1.1'))).toBe(true);
    expect(ask(policy(), address('1.1.1.1'))).toBe(false);
  });

  it('takes an empty rule for everybody, and one without ports for every port', () => {
    expect(ask(policy({}), address('169.254.169.254'), 80)).toBe(true);
    expect(ask(policy({ to: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }), address('169.254.169.254'), 80)).toBe(true);
  });

  it('joins both selectors of one peer, and takes those of two peers as alternatives', () => {
    const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'other' } };
    const podSelector = { matchLabels: REDIS };
    expect(ask(policy({ to: [{ namespaceSelector, podSelector }] }), pod('other'))).toBe(false);
    expect(ask(policy({ to: [{ namespaceSelector }, { podSelector }] }), pod('other'))).toBe(true);
  });
});
