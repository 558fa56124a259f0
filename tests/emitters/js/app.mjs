// An app in JavaScript whose library tells of its calls: run by `tests.emitters.record`.
//
//   node app.mjs EMITTER
//
// Runs in a directory where the packages are installed (README.md of the directory above).
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const HERE = process.cwd() + "/";
const require = createRequire(HERE);
const emitter = process.argv[2];
const URL_ = process.env.EMITTER_URL;
const KEY = "canary-key";
const MESSAGES = [{ role: "user", content: "hi" }];
process.env.LANGFUSE_BASE_URL = URL_;
process.env.LANGFUSE_PUBLIC_KEY = "pk-lf-golden";
process.env.LANGFUSE_SECRET_KEY = "sk-lf-golden";

const { NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-proto");
const exporter = () => new SimpleSpanProcessor(new OTLPTraceExporter({ url: URL_ + "/v1/traces" }));

const optional = (name) => {
  try {
    return require(name);
  } catch {
    return null;
  }
};

let processors = [exporter()];
if (emitter === "langfuse-js") {
  const { LangfuseSpanProcessor } = require("@langfuse/otel");
  processors = [new LangfuseSpanProcessor({ exportMode: "immediate" })];
}
const provider = new NodeTracerProvider({ spanProcessors: processors });
provider.register();

const openaiModule = require("openai");
const OpenAI = openaiModule.OpenAI ?? openaiModule;
let wrap = (client) => client;
if (emitter === "traceloop-js") {
  const { OpenAIInstrumentation } = require("@traceloop/instrumentation-openai");
  const { AnthropicInstrumentation } = require("@traceloop/instrumentation-anthropic");
  const first = new OpenAIInstrumentation();
  first.setTracerProvider(provider);
  first.manuallyInstrument(OpenAI);
  const second = new AnthropicInstrumentation();
  second.setTracerProvider(provider);
  second.manuallyInstrument(require("@anthropic-ai/sdk"));
} else if (emitter === "openinference-js") {
  const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
  const first = new OpenAIInstrumentation();
  first.setTracerProvider(provider);
  first.manuallyInstrument(OpenAI);
} else if (emitter === "langfuse-js") {
  const { observeOpenAI } = require("@langfuse/openai");
  wrap = (client) => observeOpenAI(client, { userId: "ada", sessionId: "s-1" });
}

const openai = () => wrap(new OpenAI({ apiKey: KEY, baseURL: URL_ + "/v1", maxRetries: 0 }));
const all = async (stream) => {
  for await (const _ of stream) {
  }
};
const claude = () => {
  const module = require("@anthropic-ai/sdk");
  const Anthropic = module.Anthropic ?? module.default ?? module;
  return new Anthropic({ apiKey: KEY, baseURL: URL_, maxRetries: 0 });
};
const asked = { model: "claude-haiku-4-5", max_tokens: 9, messages: MESSAGES };

const SDK_CALLS = {
  chat: () => openai().chat.completions.create({ model: "gpt-5-mini", messages: MESSAGES }),
  "chat stream": async () =>
    all(
      await openai().chat.completions.create({
        model: "gpt-4o",
        messages: MESSAGES,
        stream: true,
        stream_options: { include_usage: true },
      }),
    ),
  responses: () => openai().responses.create({ model: "gpt-5", input: "hi" }),
  embeddings: () => openai().embeddings.create({ model: "text-embedding-3-small", input: "hi" }),
  "chat error": () => openai().chat.completions.create({ model: "error-model", messages: MESSAGES }),
};
const CLAUDE_CALLS = {
  messages: () => claude().messages.create(asked),
  "messages stream": async () => all(await claude().messages.create({ ...asked, stream: true })),
  "messages error": () => claude().messages.create({ ...asked, model: "error-model" }),
};

const vercel = () => {
  const ai = require("ai");
  const otel = optional("@ai-sdk/otel");
  if (otel) {
    ai.registerTelemetry(new otel.OpenTelemetry());
  }
  const { createOpenAI } = require("@ai-sdk/openai");
  const models = createOpenAI({ apiKey: KEY, baseURL: URL_ + "/v1" });
  const told = {
    experimental_telemetry: { isEnabled: true, functionId: "answer", metadata: { userId: "ada" } },
    telemetry: { isEnabled: true, functionId: "answer" },
    maxRetries: 0,
  };
  const chat = (name) => (models.chat ? models.chat(name) : models(name));
  const calls = {
    chat: () => ai.generateText({ model: chat("gpt-5-mini"), prompt: "hi", ...told }),
    "chat stream": async () =>
      all((await ai.streamText({ model: chat("gpt-4o"), prompt: "hi", ...told })).textStream),
    responses: () => ai.generateText({ model: models.responses("gpt-5"), prompt: "hi", ...told }),
    embeddings: () =>
      ai.embed({
        model: (models.embeddingModel ?? models.textEmbeddingModel ?? models.embedding)(
          "text-embedding-3-small",
        ),
        value: "hi",
        ...told,
      }),
    "chat error": () => ai.generateText({ model: chat("error-model"), prompt: "hi", ...told }),
  };
  const anthropic = optional("@ai-sdk/anthropic");
  if (anthropic) {
    const model = anthropic.createAnthropic({ apiKey: KEY, baseURL: URL_ + "/v1" });
    calls.messages = () => ai.generateText({ model: model("claude-haiku-4-5"), prompt: "hi", ...told });
    calls["messages stream"] = async () =>
      all(ai.streamText({ model: model("claude-haiku-4-5"), prompt: "hi", ...told }).textStream);
  }
  const google = optional("@ai-sdk/google");
  if (google) {
    const model = google.createGoogleGenerativeAI({ apiKey: KEY, baseURL: URL_ + "/v1beta" });
    calls.gemini = () => ai.generateText({ model: model("gemini-2.5-flash"), prompt: "hi", ...told });
  }
  return calls;
};

const calls = emitter.startsWith("vercel")
  ? vercel()
  : { ...SDK_CALLS, ...(emitter === "traceloop-js" ? CLAUDE_CALLS : {}) };

const PACKAGES = {
  "vercel-ai": ["ai", "@ai-sdk/openai", "@ai-sdk/anthropic", "@ai-sdk/google"],
  "vercel-ai-7": ["ai", "@ai-sdk/otel", "@ai-sdk/openai", "@ai-sdk/anthropic", "@ai-sdk/google"],
  "vercel-ai-5": ["ai", "@ai-sdk/openai", "@ai-sdk/anthropic", "@ai-sdk/google"],
  "vercel-ai-4": ["ai", "@ai-sdk/openai"],
  "traceloop-js": [
    "@traceloop/instrumentation-openai",
    "@traceloop/instrumentation-anthropic",
    "openai",
    "@anthropic-ai/sdk",
  ],
  "openinference-js": ["@arizeai/openinference-instrumentation-openai", "openai"],
  "langfuse-js": ["@langfuse/openai", "@langfuse/otel", "openai"],
};
for (const name of PACKAGES[emitter]) {
  try {
    const { version } = JSON.parse(readFileSync(`${HERE}node_modules/${name}/package.json`));
    await fetch(`${URL_}/version/${encodeURIComponent(name)}/${version}`);
  } catch {}
}
for (const [name, call] of Object.entries(calls)) {
  await fetch(`${URL_}/mark/${encodeURIComponent(name)}`);
  try {
    await call();
  } catch (error) {
    console.log(emitter, name, String(error).slice(0, 200));
  }
  await new Promise((done) => setTimeout(done, 50));
  await provider.forceFlush();
}
process.exit(0);
