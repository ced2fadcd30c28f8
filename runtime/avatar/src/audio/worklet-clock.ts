/** Sound from the audio thread: nothing that the page does can make it stutter. */

import { type AudioClock, type Report, START_SECONDS, heardTime } from "./clock.ts";
import { toFloat } from "./jitter.ts";
import { addModule } from "./module.ts";
import { Timeline } from "./timeline.ts";
import type { FromWorklet, ToWorklet } from "./worklet-protocol.ts";

export class WorkletClock implements AudioClock {
  readonly kind = "worklet";
  private readonly timeline: Timeline;
  private generation = 0;
  private latest: Report = { buffered: 0, underruns: 0, drained: false };

  private constructor(
    readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
  ) {
    this.timeline = new Timeline(context.sampleRate);
    node.port.onmessage = (event: MessageEvent<FromWorklet>) => this.take(event.data);
    node.connect(context.destination);
  }

  /** Load the processor; rejects where the browser refuses it. */
  static async create(context: AudioContext, module: string): Promise<WorkletClock> {
    await addModule(context, module);
    const node = new AudioWorkletNode(context, "playback", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { startSeconds: START_SECONDS },
    });
    return new WorkletClock(context, node);
  }

  reset(): void {
    this.generation += 1;
    this.timeline.clear();
    this.latest = { ...this.latest, buffered: 0, drained: false };
    this.send({ kind: "reset", generation: this.generation });
  }

  push(samples: Int16Array): void {
    const floats = toFloat(samples);
    this.latest.buffered += floats.length;
    this.send({ kind: "push", samples: floats }, [floats.buffer]);
  }

  finish(): void {
    this.send({ kind: "finish" });
  }

  heard(): number {
    return this.timeline.heard(heardTime(this.context));
  }

  report(): Report {
    return this.latest;
  }

  async close(): Promise<void> {
    this.node.disconnect();
    await this.context.close();
  }

  private send(message: ToWorklet, transfer: Transferable[] = []): void {
    this.node.port.postMessage(message, transfer);
  }

  private take(report: FromWorklet): void {
    if (report.generation !== this.generation) return;
    this.timeline.run(report.time, report.sample, report.until);
    const { buffered, underruns, drained } = report;
    this.latest = { buffered, underruns, drained };
  }
}
