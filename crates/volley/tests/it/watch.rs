//! Watching a run: its figures for Prometheus, its progress, its logs, and the dashboard over the figures.

mod dashboard;
mod document;
mod exposition;
mod held;
mod logs;
mod metrics;
mod progress;
mod scrape;
