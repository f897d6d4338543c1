import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What Prometheus reads of a server. */
export class ServeMetrics {
  readonly registry: Registry = new Registry();
  readonly requests: Counter<'status'>;
  readonly samples: Counter;
  readonly seconds: Histogram;
  readonly batch: Gauge;

  constructor() {
    const registers = [this.registry];
    this.requests = new Counter({
      name: 'bpnn_dist_predict_requests_total',
      help: 'requests to /predict, by status',
      labelNames: ['status'],
      registers,
    });
    this.samples = new Counter({ name: 'bpnn_dist_predict_samples_total', help: 'samples that were predicted', registers });
    this.seconds = new Histogram({
      name: 'bpnn_dist_predict_seconds',
      help: 'time from a request to its answer',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    });
    this.batch = new Gauge({ name: 'bpnn_dist_predict_batch', help: 'samples that were predicted together last', registers });
  }
}
