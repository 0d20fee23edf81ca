// A server under test, a page for the players, and a browser; everything started here ends with the test.
import { spawn, execFile } from "node:child_process";
import { createServer } from "node:http";
import { connect, createServer as createListener } from "node:net";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
/** The binary under test. */
export const nexus = process.env.NEXUS_BIN ?? join(here, "../../target/release/nexus");
const types = { ".html": "text/html", ".js": "text/javascript" };

/** Everything in one process on a data folder of its own. */
export async function startServer(...settings) {
  const data = await mkdtemp(join(tmpdir(), "nexus-players-"));
  const flags = settings.flatMap((pair) => ["--set", pair]);
  const child = spawn(nexus, ["all", "--data", data, "--listen", "127.0.0.1:0", "--set", "live.rtmp=127.0.0.1:0", "--set", "live.srt=127.0.0.1:0", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  let said = "";
  child.stderr.on("data", (text) => (log = (log + text).slice(-20000)));
  const url = await new Promise((resolve, reject) => {
    child.stdout.on("data", (text) => {
      said += text;
      const found = /is ready on (\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
  });
  const made = await run(nexus, ["key", "create", "--role", "owner", "--data", data]);
  const key = made.stdout.trim();
  const stop = async () => {
    child.removeAllListeners("exit");
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await gone;
    await rm(data, { recursive: true, force: true });
  };
  /** The link by which the first owner is made, which the server prints. */
  const setupLink = () => /\S+\/setup\/\S+/.exec(said)?.[0];
  return { url, key, data, stop, log: () => log, setupLink };
}

/** A film with barcodes, made by the product. */
export async function makeFilm(server, seconds, ...flags) {
  const film = join(server.data, `film-${seconds}.mp4`);
  await run(nexus, ["film", film, "--seconds", String(seconds), "--data", server.data, ...flags]);
  return film;
}

/** Uploads a film and waits until it is ready; the line of JSON that the command prints. */
export async function upload(server, film, ...flags) {
  const args = ["upload", film, "--server", server.url, "--key", server.key, "--wait", "--json", ...flags];
  const { stdout } = await run(nexus, args);
  return JSON.parse(stdout);
}

/** A public channel on air, fed by the product's own encoder; resolves once its list names a rendition. */
export async function startChannel(server, ...flags) {
  const at = ["--server", server.url, "--key", server.key, "--json"];
  const { stdout } = await run(nexus, ["channel", "create", "test", "--visibility", "public", "--rungs", "none", ...at]);
  const channel = JSON.parse(stdout);
  const args = ["encoder", "--server", channel.rtmp, "--stream-key", channel.key, "--data", join(server.data, "encoder"), ...flags];
  const child = spawn(nexus, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => (log = (log + text).slice(-20000)));
  const gone = new Promise((done) => child.once("exit", done));
  for (let tries = 0; !(await fetch(channel.hls).then((answer) => answer.ok)); tries += 1) {
    if (tries > 300 || child.exitCode !== null) throw new Error(`the channel is not on air: ${log}\n${server.log()}`);
    await new Promise((passed) => setTimeout(passed, 100));
  }
  const stop = () => (child.kill("SIGINT"), gone);
  return { ...channel, stop, log: () => log };
}

/** The page with the players, on an origin of its own: media come across origins, as from any CDN. */
export async function startPage() {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    const folder = path.startsWith("/lib/") ? join(here, "node_modules") : here;
    const name = path === "/" ? "/page/index.html" : path.replace(/^\/lib\//, "/");
    try {
      const bytes = await readFile(join(folder, name));
      response.writeHead(200, { "content-type": types[extname(name)] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  return { url: `http://127.0.0.1:${port}/`, stop: () => new Promise((closed) => server.close(closed)) };
}

/** A way to the server that can be cut: every connection breaks and new ones are refused until it is mended. */
export async function startCable(server) {
  const ends = new Set();
  let whole = true;
  const listener = createListener((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(new URL(server.url).port), "127.0.0.1");
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end);
      end.pipe(other);
      end.on("error", () => other.destroy());
      end.on("close", () => (ends.delete(end), other.destroy()));
    }
  });
  await new Promise((listening) => listener.listen(0, "127.0.0.1", listening));
  const cut = () => {
    whole = false;
    for (const end of ends) end.destroy();
  };
  const stop = () => {
    cut();
    return new Promise((closed) => listener.close(closed));
  };
  return { url: `http://127.0.0.1:${listener.address().port}`, cut, mend: () => (whole = true), stop };
}

/**
 * An encoder that sends moving pictures of 640x360 at 30 frames a second and a tone to an RTMP address, with a key frame
 * every `gop` frames.
 */
export function startEncoder(address, { gop = 60, sound = true } = {}) {
  const pictures = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"];
  const tone = sound ? ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"] : [];
  const video = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-b:v", "800k"];
  const audio = sound ? ["-c:a", "aac", "-b:a", "96k", "-ac", "2"] : [];
  const args = ["-v", "error", "-re", ...pictures, ...(sound ? ["-re"] : []), ...tone, ...video];
  args.push("-g", String(gop), "-keyint_min", String(gop), "-sc_threshold", "0", ...audio, "-f", "flv", address);
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => (log = (log + text).slice(-4000)));
  const gone = new Promise((done) => child.once("exit", done));
  const stop = async (signal = "SIGINT") => {
    child.kill(signal);
    await gone;
  };
  return { stop, gone, log: () => log };
}

/** Debian's Chromium, headless, with a profile of its own. */
export function startBrowser() {
  const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"];
  flags.push("--disable-background-networking", "--disable-component-update");
  flags.push("--autoplay-policy=no-user-gesture-required");
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: flags });
}
