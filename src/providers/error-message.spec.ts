import { describe, expect, it } from 'vitest';
import { tellable, withoutUrls } from './error-message.js';

describe('withoutUrls', () => {
  it.each([
    ['an address in a sentence', 'no route to http://10.0.0.7:8000/v1, try again', 'no route to [url] try again'],
    ['one in quotes', `dial "grpc+tls://engine.internal:443": refused`, 'dial "[url]": refused'],
    ['one in brackets', '(see HTTPS://wiki.internal/a?b=c)', '(see [url])'],
    ['one that follows a word character', '_http://engine.internal/', '_[url]'],
    ['one whose scheme is none', `${'x'.repeat(50)}://engine.internal/`, '[url]'],
    ['two', 'a://b c://d', '[url] [url]'],
    ['one with escaped slashes', 'sent to http:\\/\\/10.0.0.7:8000\\/v1', 'sent to [url]'],
    ['one with quotes in it', "http://10.0.0.7/a('b')/secret?tok=1 is down", '[url] is down'],
    ['no address', 'the model is loading: 3 of 4', 'the model is loading: 3 of 4'],
  ])('hides %s', (_name, message, told) => {
    expect(withoutUrls(message)).toBe(told);
  });

  it('looks at the first 16 KiB alone', () => {
    expect(withoutUrls('a'.repeat(20_000))).toHaveLength(16 * 1024);
  });
});

describe('tellable', () => {
  const error = { message: 'bad key sk-1234', type: 'sk-1234', param: null, code: 'sk-1234' };

  it('tells nothing of the credential that the upstream was sent', () => {
    expect(JSON.stringify(tellable(error, 'sk-1234'))).not.toContain('sk-1234');
  });

  it('tells nothing of a credential that a cut went through', () => {
    for (let at = 16_300; at < 16_390; at++) {
      const message = `http://${'a'.repeat(at)} key sk-1234567890abcdef`;
      expect(tellable({ ...error, message: withoutUrls(message) }, 'sk-1234567890abcdef').message).not.toMatch(/sk-\d/);
    }
  });

  it('tells no address, wherever in the error it stands', () => {
    const address = 'http://10.0.0.7:8000/v1?token=abc';
    expect(tellable({ message: address, type: address, param: address, code: address }, undefined)).toEqual({
      message: '[url]',
      type: '[url]',
      param: '[url]',
      code: '[url]',
    });
  });

  it('tells no more than 1,000 characters', () => {
    expect(tellable({ ...error, message: 'a'.repeat(5_000) }, undefined).message).toHaveLength(1_000);
  });
});
