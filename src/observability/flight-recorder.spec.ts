import { describe, expect, it } from 'vitest';
import { anEndedRequest } from '../../test/support/ended-request.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { EndedFacts } from './ended-facts.js';
import { FlightRecorder } from './flight-recorder.js';

function recorderOf(count: number): FlightRecorder {
  const recorder = new FlightRecorder(new EndedFacts(new ManualClock()));
  for (let at = 0; at < count; at++) {
    recorder.add(anEndedRequest({ status: 200, code: at % 2 ? 'overloaded' : undefined }, {}, `request-${at}`));
  }
  return recorder;
}

describe('the flight recorder', () => {
  it('finds a request by the id of the caller and by its own', () => {
    const recorder = recorderOf(3);
    expect(recorder.find('request-1')).toMatchObject({ gatewayId: 'ulid-request-1', status: 200 });
    expect(recorder.find('ulid-request-1')?.requestId).toBe('request-1');
    expect(recorder.find('request-3')).toBeUndefined();
  });

  it('remembers the last 1,000 and forgets the oldest', () => {
    const recorder = recorderOf(1500);
    expect(recorder.recent()).toHaveLength(1000);
    expect(recorder.recent()[0]?.requestId).toBe('request-1499');
    expect(recorder.recent().at(-1)?.requestId).toBe('request-500');
    expect(recorder.find('request-499')).toBeUndefined();
  });

  it('tells the newest first, narrowed by code and count', () => {
    const found = recorderOf(10).recent({ code: 'overloaded', limit: 2 });
    expect(found.map(({ requestId }) => requestId)).toEqual(['request-9', 'request-7']);
  });
});
