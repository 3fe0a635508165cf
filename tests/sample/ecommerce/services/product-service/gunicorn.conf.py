"""Server settings of the product service."""

bind = "0.0.0.0:8000"
workers = 2
threads = 4
accesslog = "-"
# A worker's heartbeat file on disk blocks where the file system is slow.
worker_tmp_dir = "/dev/shm"


def on_starting(_server):
    from app import prepare

    prepare()
