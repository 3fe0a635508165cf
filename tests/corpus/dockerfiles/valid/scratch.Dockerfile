FROM scratch
ADD rootfs.tar /
USER 1000
CMD ["/bin/sh"]
