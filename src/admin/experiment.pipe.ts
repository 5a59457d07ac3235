import { Injectable, type PipeTransform } from '@nestjs/common';
import { type Experiment, parseExperiment } from '../config/chaos-experiment.js';
import { GatewayError } from '../kernel/gateway-error.js';

/** The body as an experiment; refusals name the member at fault. */
@Injectable()
export class ExperimentPipe implements PipeTransform<unknown, Experiment> {
  /** @throws GatewayError invalid_value */
  transform(body: unknown): Experiment {
    const parsed = parseExperiment(body);
    if (!('problems' in parsed)) return parsed;
    const [first = 'not an experiment'] = parsed.problems;
    const param = /^([^:]+): /.exec(first)?.[1];
    throw new GatewayError('invalid_value', {
      message: `${parsed.problems.join('; ')}.`,
      ...(param !== undefined && param !== 'file' && { param }),
    });
  }
}
