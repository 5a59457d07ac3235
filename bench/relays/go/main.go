// Go's own reverse proxy: no parsing, no policy. Settings: PORT, UPSTREAM, KEEP_CONNECTIONS (absent: as the library has it).
package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

// endedBody keeps to its end. The transport sends a body and then reads on, to see that nothing follows. If the answer
// comes before that, the server has closed the caller's body, the read fails and the transport drops the connection in
// the middle of the answer: about one stream in 1,000 on a busy machine.
type endedBody struct {
	io.ReadCloser
	ended bool
}

func (body *endedBody) Read(bytes []byte) (int, error) {
	if body.ended {
		return 0, io.EOF
	}
	count, err := body.ReadCloser.Read(bytes)
	body.ended = err == io.EOF
	return count, err
}

func main() {
	upstream, err := url.Parse(os.Getenv("UPSTREAM"))
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	if os.Getenv("KEEP_CONNECTIONS") != "" {
		proxy = keepingConnections(upstream)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), proxy))
}

// keepingConnections is the proxy at its cheapest: above all with room for as many idle connections as there are callers.
// Its transport keeps two otherwise, and opens one for each request beyond.
func keepingConnections(upstream *url.URL) *httputil.ReverseProxy {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = 16384
	transport.DisableCompression = true
	return &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(upstream)
			if request.Out.Body != nil {
				request.Out.Body = &endedBody{ReadCloser: request.Out.Body}
			}
		},
		Transport: transport,
	}
}
