// A program for Pods that try a cluster: it serves, asks, looks up, writes, reads and works.
//
//	probe serve ADDRESS       answers /ready, /health/..., /host, /peer and /metrics until it is
//	                          told to end;
//	                          /use/60 lets it say that its GPU is used by 60 percent
//	probe get URL             prints what a server answers; fails unless that is 200
//	probe lookup NAME         prints the addresses of a name
//	probe write FILE TEXT     writes a file
//	probe read FILE           prints a file
//	probe work SECONDS        keeps one processor busy
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const patience = 5 * time.Second

// serve answers until SIGTERM.
func serve(address string) error {
	mux := http.NewServeMux()
	ready := func(writer http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(writer, "ready")
	}
	mux.HandleFunc("/ready", ready)
	mux.HandleFunc("/health/", ready)
	mux.HandleFunc("/host", func(writer http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		fmt.Fprintln(writer, name)
	})
	mux.HandleFunc("/peer", func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprintln(writer, request.RemoteAddr)
	})
	var used atomic.Value
	used.Store("0")
	mux.HandleFunc("/use/{percent}", func(_ http.ResponseWriter, request *http.Request) {
		used.Store(request.PathValue("percent"))
	})
	mux.HandleFunc("/metrics", func(writer http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(writer, "# TYPE gpu_utilization gauge\ngpu_utilization{gpu=\"0\"} %s\n", used.Load())
	})
	server := &http.Server{Addr: address, Handler: mux}
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ended, func() { server.Close() })
	fmt.Println("serving on", address)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// get prints what a server answers.
func get(url string) error {
	client := http.Client{Timeout: patience}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", answer.Status)
	}
	return nil
}

// lookup prints the addresses of a name.
func lookup(name string) error {
	until, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(until, name)
	fmt.Println(strings.Join(addresses, "\n"))
	return err
}

// read prints a file.
func read(path string) error {
	content, err := os.ReadFile(path)
	os.Stdout.Write(content)
	return err
}

// work keeps one processor busy.
func work(text string) error {
	seconds, err := strconv.Atoi(text)
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
	}
	return err
}

// run does what the words ask for.
func run(words []string) error {
	verbs := map[string]func(string) error{
		"serve": serve, "get": get, "lookup": lookup, "read": read, "work": work,
	}
	switch {
	case len(words) == 3 && words[0] == "write":
		return os.WriteFile(words[1], []byte(words[2]), 0o644)
	case len(words) == 2 && verbs[words[0]] != nil:
		return verbs[words[0]](words[1])
	}
	return fmt.Errorf("usage: probe serve|get|lookup|read|work ARGUMENT, probe write FILE TEXT")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
