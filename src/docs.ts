import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** Swagger UI at /docs and its document at /docs-json; the document is built when it is first asked for. */
export function setUpDocs(app: INestApplication): void {
  const description = new DocumentBuilder()
    .setTitle('SRE Inference Gateway')
    .setDescription("OpenAI's chat completions API in front of any provider.")
    .setVersion('1')
    .addBearerAuth()
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, description), {
    jsonDocumentUrl: 'docs-json',
  });
}
