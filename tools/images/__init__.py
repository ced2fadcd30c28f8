"""
The container images: `python -m tools.images build [operator|runtime-cpu|backup|all ...]`.

What is built and where it lies is a contract for whoever loads the images into a cluster. Below
`build/images/`, for each image NAME:

* `NAME.tar`: an OCI archive (an OCI image layout in a tar) that holds one image. Its only manifest
  is annotated with the whole reference, so `ctr -n k8s.io images import NAME.tar` gives it its
  name, and `skopeo copy --preserve-digests oci-archive:NAME.tar docker://...` keeps the digest.
* `NAME.cdx.json`: its parts, Debian's and Python's, as a CycloneDX document.
* `NAME.json`: what is known of it. It is written last, so it never tells of half an image:

      {"name": "operator",
       "reference": "docker.io/aiqtoolkit/digital-human-operator:0.1.0",
       "repository": "docker.io/aiqtoolkit/digital-human-operator", "tag": "0.1.0",
       "digest": "sha256:...",             of the manifest: what a registry pulls it by
       "image_id": "sha256:...",           of the configuration
       "archive": "operator.tar", "sbom": "operator.cdx.json",    beside this file
       "compressed": 1, "uncompressed": 1,                        bytes of all layers
       "layers": [{"digest": "sha256:...", "diff_id": "sha256:...",
                   "compressed": 1, "uncompressed": 1, "step": "COPY ..."}],
       "engine": "buildah", "base": "...",
       "written_by": "...", "seconds": 1.0}

Repositories and the tag are those of the Helm chart's values; the GPU image's tag ends in `-gpu`.
"""
