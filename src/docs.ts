import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

const CHAT_API = "OpenAI's chat completions API in front of any provider.";

/** Swagger UI at /docs and its document at /docs-json; the document is built when it is first asked for. */
export function setUpDocs(app: INestApplication, title = 'SRE Inference Gateway', what = CHAT_API): void {
  const description = new DocumentBuilder()
    .setTitle(title)
    .setDescription(what)
    .setVersion('1')
    .addBearerAuth()
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, description), {
    jsonDocumentUrl: 'docs-json',
  });
}
