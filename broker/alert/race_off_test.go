//go:build !race

package alert_test

// raceDetector says that the tests were built with the race detector.
const raceDetector = false
