/**
 * No part of Hakiri depends on a model vendor: not on its SDK, not on its address. Reads every dependency that the
 * lock file pulls in and every source file; prints what it finds and exits 1.
 */
import { globSync, readFileSync } from 'node:fs';

const SDK = [
  /^openai$/,
  /^@openai\//,
  /^@anthropic-ai\//,
  /^@google\/(genai|generative-ai)$/,
  /^@google-cloud\/(vertexai|aiplatform)$/,
  /^@mistralai\//,
  /^cohere-ai$/,
  /^groq-sdk$/,
  /^together-ai$/,
  /^replicate$/,
  /^ollama$/,
  /^voyageai$/,
  /^@azure\/(openai|ai-.*)$/,
  /^@azure-rest\/ai-/,
  /^@aws-sdk\/client-(bedrock|sagemaker).*$/,
  /^@huggingface\/inference$/,
  /^ai$/,
  /^@ai-sdk\//,
  /^langchain$/,
  /^@langchain\//,
  /^llamaindex$/,
  /^@llamaindex\//,
];

const ADDRESS =
  /\b(api\.openai\.com|api\.anthropic\.com|generativelanguage\.googleapis\.com|api\.mistral\.ai|api\.cohere\.(ai|com)|api\.groq\.com|api\.together\.(ai|xyz)|api\.voyageai\.com|openrouter\.ai)\b/;

export function vendorPackages(names: readonly string[]): readonly string[] {
  return names.filter((name) => SDK.some((pattern) => pattern.test(name)));
}

export function vendorAddress(text: string): string | undefined {
  return ADDRESS.exec(text)?.[0];
}

export function findVendors(root: string): readonly string[] {
  const lock = JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8')) as {
    packages: Record<string, unknown>;
  };
  const names = Object.keys(lock.packages).flatMap((path) => /.*node_modules\/(.+)$/.exec(path)?.[1] ?? []);
  const found = vendorPackages(names).map((name) => `dependency ${name}`);
  for (const file of globSync('{packages/*/src,bench,scripts}/**/*.ts', { cwd: root })) {
    if (file === 'scripts/check-vendors.ts') continue;
    const text = readFileSync(`${root}/${file}`, 'utf8');
    const imported = [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'".][^'"]*)['"]/g)].map(
      (match) => match[1] ?? '',
    );
    for (const name of vendorPackages(
      imported.map((s) =>
        s
          .split('/')
          .slice(0, s.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
    )) {
      found.push(`${file} imports ${name}`);
    }
    const address = vendorAddress(text);
    if (address !== undefined) found.push(`${file} names ${address}`);
  }
  return found;
}

if (import.meta.main) {
  const found = findVendors(new URL('..', import.meta.url).pathname);
  for (const line of found) process.stderr.write(`${`model vendor: ${line}`}\n`);
  if (found.length === 0) console.log('no model vendor in dependencies or sources');
  process.exit(found.length === 0 ? 0 : 1);
}
