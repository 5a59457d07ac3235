import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { GatewayConfigModule } from './config.module.js';
import { ConfigStore } from './config-store.js';
import { Environment } from './env.js';

describe('the configuration module', () => {
  it('gives whoever imports it a checked environment and a loaded store, and writes no default to the process', async () => {
    const before = { ...process.env };
    Logger.overrideLogger(false);
    const app = await NestFactory.createApplicationContext(GatewayConfigModule);
    expect(app.get(Environment)).toBeInstanceOf(Environment);
    expect([...app.get(ConfigStore).current.models.keys()]).toContain('gpt-4o-mini');
    expect({ ...process.env }).toEqual(before);
    await app.close();
  });
});
