// LiteLLM's proxy (PyPI: litellm[proxy]): one worker, a key that callers must have, one deployment per model, no
// database, no cache, no retries; nothing fetched at its start.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns the program of LITELLM_BIN, or of a virtual environment in `folder`; undefined where there is none */
export function litellmProgram(folder) {
  const candidates = [process.env.LITELLM_BIN, folder && join(folder, 'bin', 'litellm')];
  return candidates.find((file) => file && existsSync(file));
}

export const LITELLM_ENV = {
  LITELLM_LOCAL_MODEL_COST_MAP: 'True',
  LITELLM_MODE: 'PRODUCTION',
  LITELLM_LOG: 'ERROR',
};

/** Writes its configuration, as JSON, which is YAML; returns the arguments of `litellm`. */
export function configureLitellm(folder, { port, upstream, models, key }) {
  const file = join(folder, 'litellm.yaml');
  const deployment = (name) => ({
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_base: `${upstream}/v1`, api_key: 'bench-upstream-key' },
  });
  const config = {
    model_list: models.map(deployment),
    general_settings: { master_key: key },
    litellm_settings: { telemetry: false, num_retries: 0, request_timeout: 600 },
  };
  writeFileSync(file, JSON.stringify(config, null, 2));
  return ['--config', file, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1'];
}
