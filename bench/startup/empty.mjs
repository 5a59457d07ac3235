// What Nest on Fastify costs without anything in it: one module, one route. Settings: PORT.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

class ReadyController {
  ready() {
    return { status: 'ok' };
  }
}
// Decorators are functions: without a compiler they are called.
Controller('v1')(ReadyController);
const ready = Object.getOwnPropertyDescriptor(ReadyController.prototype, 'ready');
Get('ready')(ReadyController.prototype, 'ready', ready);

class EmptyModule {}
Module({ controllers: [ReadyController] })(EmptyModule);

const app = await NestFactory.create(EmptyModule, new FastifyAdapter(), { logger: false });
await app.listen(Number(process.env.PORT), '127.0.0.1');
