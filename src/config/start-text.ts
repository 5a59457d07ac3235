import { type DynamicModule, Module } from '@nestjs/common';

/** Text of a gateway file to start with, in place of the file: absent where nobody serves yet. */
export const START_TEXT = Symbol('START_TEXT');

/** Gives {@link START_TEXT} to a gateway that takes over from others. */
@Module({})
export class StartTextModule {
  static of(text: string): DynamicModule {
    return {
      module: StartTextModule,
      // The configuration's own module, which many import, is the one that looks for it.
      global: true,
      providers: [{ provide: START_TEXT, useValue: text }],
      exports: [START_TEXT],
    };
  }
}
