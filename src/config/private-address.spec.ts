import { describe, expect, it } from 'vitest';
import { isPrivateHost } from './private-address.js';

const hostOf = (host: string): string => new URL(`https://${host}/`).hostname;

describe('a host', () => {
  it.each([
    'localhost',
    'LOCALHOST.',
    'api.localhost',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '017700000001',
    '2130706433',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[fc00::1]',
    '[fd12:3456::1]',
    '[fe80::1]',
    '[ff02::1]',
    '[::ffff:10.0.0.1]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::127.0.0.1]',
  ])('%s is private', (host) => {
    expect(isPrivateHost(hostOf(host))).toBe(true);
  });

  it.each([
    'api.example.com',
    'localhost.example.com',
    '8.8.8.8',
    '11.0.0.1',
    '100.128.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.1.1',
    '[2606:4700::1111]',
    '[::ffff:8.8.8.8]',
    '10.0.0.1.example.com',
  ])('%s is public', (host) => {
    expect(isPrivateHost(hostOf(host))).toBe(false);
  });
});
