/** The connection: session, ticket, WebSocket, hello; resumes by itself with backoff. */

import { type Next, afterClose, survives } from "./closing.ts";
import {
  type ClientMessage,
  type ServerMessage,
  SUBPROTOCOL,
  VERSION,
  type Welcome,
  parse,
} from "./messages.ts";
import { Silence } from "./silence.ts";

export interface LinkEvents {
  welcome(welcome: Welcome): void;
  message(message: ServerMessage): void;
  media(buffer: ArrayBuffer): void;
  /** The connection is gone; what follows is under way or waits for a button. */
  lost(next: Next): void;
  /** The API wants a key; resolves with one. `wrong`: the last one was refused. */
  key(wrong: boolean): Promise<string>;
  /** A sentence for the reader. */
  problem(message: string): void;
}

const WELCOME_TIMEOUT_MS = 8000;
const ANSWER_TIMEOUT_MS = 8000;
const LOOK_MS = 1000;

export class Link {
  private socket: WebSocket | undefined;
  private key: string | undefined;
  private session: { session: string; token: string } | undefined;
  private resumable = false;
  private welcomed = false;
  private attempt = 0;
  private retryAfter: number | null | undefined;
  private timer: number | undefined;
  /** Of a server that answers pings. */
  private silence: Silence | undefined;

  constructor(
    private readonly base: URL,
    private readonly events: LinkEvents,
  ) {
    window.setInterval(() => this.look(), LOOK_MS);
  }

  get open(): boolean {
    return this.welcomed && this.socket?.readyState === WebSocket.OPEN;
  }

  /** Begin a new session, or take up the one that was lost. */
  async connect(resume = false): Promise<void> {
    window.clearTimeout(this.timer);
    try {
      if (resume && this.session) this.dial({ type: "hello", version: VERSION, resume: this.session });
      else this.dial({ type: "hello", version: VERSION, ticket: await this.ticket() });
    } catch (error) {
      this.events.problem(error instanceof Error ? error.message : String(error));
      this.follow(this.decide(1006));
    }
  }

  send(message: ClientMessage): boolean {
    if (!this.open) return false;
    this.socket?.send(JSON.stringify(message));
    return true;
  }

  sendSound(pcm: ArrayBuffer): void {
    if (this.open) this.socket?.send(pcm);
  }

  /** Leave a Pod that goes, before it closes the connection. */
  move(token: string | null | undefined): void {
    if (token && this.session) this.session.token = token;
    this.drop(this.socket);
    void this.connect(this.resumable);
  }

  private async ticket(): Promise<string> {
    let wrong = false;
    for (;;) {
      const headers: Record<string, string> = this.key ? { Authorization: `Bearer ${this.key}` } : {};
      const answer = await this.post(headers);
      if (answer.status === 401) {
        this.key = await this.events.key(wrong || this.key !== undefined);
        wrong = true;
        continue;
      }
      if (!answer.ok) throw new Error(await this.refusal(answer));
      return ((await answer.json()) as { ticket: string }).ticket;
    }
  }

  private async post(headers: Record<string, string>): Promise<Response> {
    try {
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      return await fetch(new URL("api/sessions", this.base), { method: "POST", headers, signal });
    } catch {
      throw new Error("The server does not answer.");
    }
  }

  private async refusal(answer: Response): Promise<string> {
    this.retryAfter = Number(answer.headers.get("Retry-After")) || undefined;
    const problem = (await answer.json().catch(() => ({}))) as { detail?: string; title?: string };
    return problem.detail ?? problem.title ?? `The server answered ${answer.status}.`;
  }

  private dial(hello: ClientMessage): void {
    const url = new URL("ws", this.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    this.drop(this.socket);
    this.socket = socket;
    this.welcomed = false;
    this.silence = undefined;
    const patience = window.setTimeout(
      () => this.leave(socket, "The server does not answer."),
      WELCOME_TIMEOUT_MS,
    );
    socket.onopen = () => socket.send(JSON.stringify(hello));
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      window.clearTimeout(patience);
      this.receive(event.data);
    };
    socket.onclose = (event) => {
      window.clearTimeout(patience);
      if (socket === this.socket) this.follow(this.decide(event.code));
    };
  }

  /** Ask a server that is silent whether it is there. */
  private look(): void {
    if (!this.open || !this.socket || !this.silence) return;
    const next = this.silence.pass(performance.now());
    if (next === "ask") this.send({ type: "ping" });
    if (next === "leave") this.leave(this.socket, "The connection was lost.");
  }

  /** Give up a socket without waiting for its end, which may take minutes. */
  private leave(socket: WebSocket, why: string): void {
    if (socket !== this.socket) return;
    this.drop(socket);
    this.events.problem(why);
    this.follow(this.decide(1006));
  }

  /** Close a socket whose end shall have no consequences. */
  private drop(socket: WebSocket | undefined): void {
    if (!socket) return;
    socket.onclose = socket.onmessage = null;
    socket.close();
  }

  private receive(data: string | ArrayBuffer): void {
    this.silence?.end();
    if (data instanceof ArrayBuffer) {
      this.events.media(data);
      return;
    }
    let message: ServerMessage | undefined;
    try {
      message = parse(data);
    } catch (error) {
      this.events.problem(error instanceof Error ? error.message : String(error));
    }
    if (message) this.understand(message);
  }

  private understand(message: ServerMessage): void {
    if (message.type === "welcome") {
      this.session = { session: message.session, token: message.token };
      this.resumable = message.resumable;
      this.attempt = 0;
      this.retryAfter = undefined;
      this.welcomed = true;
      if (message.pings) this.silence = new Silence(performance.now());
      this.events.welcome(message);
      return;
    }
    if (message.type === "token" && this.session) this.session.token = message.token;
    if (message.type === "resumable") this.resumable = message.resumable;
    if (message.type === "error") {
      this.retryAfter = message.retryAfter;
      if (!this.welcomed && this.session && message.code === "not_authenticated") return; // begins anew
    }
    this.events.message(message);
  }

  private decide(code: number): Next {
    const { attempt, retryAfter } = this;
    const resumed = this.session !== undefined;
    const resumable = resumed && survives(code, this.resumable);
    return afterClose({ code, attempt, resumable, resumed, retryAfter, jitter: Math.random() });
  }

  private follow(next: Next): void {
    this.socket = undefined;
    if (next.kind === "renew" || next.kind === "ended") this.session = undefined;
    this.events.lost(next);
    if (next.kind !== "resume" && next.kind !== "renew") return;
    this.attempt += 1;
    this.timer = window.setTimeout(() => void this.connect(next.kind === "resume"), next.wait * 1000);
  }
}
