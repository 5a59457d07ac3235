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

  it('tells no more than 1,000 characters', () => {
    expect(tellable({ ...error, message: 'a'.repeat(5_000) }, undefined).message).toHaveLength(1_000);
  });
});
